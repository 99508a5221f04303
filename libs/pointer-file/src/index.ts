export { PointerFile, prepareFolder, type PointerFileOptions } from './pointer-file';

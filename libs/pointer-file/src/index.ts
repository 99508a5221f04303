export { PointerFile, type PointerFileOptions } from './pointer-file';

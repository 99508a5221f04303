export { canonicalJson } from './canonical-json';
export { digestOf, sha256, shortHash, uuidV5 } from './digest';

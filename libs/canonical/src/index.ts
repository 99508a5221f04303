export { canonicalJson } from './canonical-json';
export { digestOf, sha256, shortHash, uuidV5 } from './digest';
export { type JsonProblem, JsonRefused } from './problem';
export { isNfc } from './judge';
export { checkJson, type JsonLimits } from './check-json';
export { parseJson } from './parse-json';
export { canonicalManifest } from './manifest';

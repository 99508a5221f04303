export type * from './generated/gatehouse';
export { LOADER_OPTIONS, type ProtoFiles, protoFiles } from './proto-files';
export { type FieldViolation, readStatusDetails, type StatusDetails, statusDetails } from './status-details';
export { fromStruct, fromValue, type ProtoStruct, type ProtoValue, toStruct, toValue } from './value';

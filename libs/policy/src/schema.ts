import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import { at, PolicyRefused, type PolicyError } from './refused';

const MOST_ERRORS = 100;

/** The value, if it is what a schema says. Throws `PolicyRefused` otherwise. The schema is compiled at the first question. */
export function checkedBy<T>(schema: object): (value: unknown) => T {
  let validate: ValidateFunction<T> | undefined;
  return (value) => {
    validate ??= new Ajv({
      allErrors: true,
      strict: true,
      strictRequired: false,
      allowUnionTypes: true,
    }).compile<T>(schema);
    if (validate(value)) return value;
    throw new PolicyRefused((validate.errors ?? []).slice(0, MOST_ERRORS).map(errorOf));
  };
}

function errorOf({ instancePath, keyword, params, message = 'is not valid' }: ErrorObject): PolicyError {
  const { additionalProperty, missingProperty, allowedValues } = params as Record<string, unknown>;
  if (keyword === 'additionalProperties')
    return { pointer: at(instancePath, String(additionalProperty)), message: 'is not known here' };
  if (missingProperty !== undefined)
    return { pointer: at(instancePath, missingProperty as string), message: 'must be there' };
  if (keyword === 'enum')
    return { pointer: instancePath, message: `must be one of ${(allowedValues as string[]).join(', ')}` };
  return { pointer: instancePath, message };
}

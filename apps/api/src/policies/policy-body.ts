import { draftOf, readPolicy, type Draft } from '@gatehouse/policy';

/** What a body is that came as `application/yaml`: text, which only policies know how to read. */
export class YamlText {
  constructor(readonly text: string) {}
}

export const YAML = 'application/yaml';
/** What it was called before RFC 9512, and still is by many. */
export const OLD_YAML = ['application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** A body as a policy. Throws `PolicyRefused`. */
export function draftOfBody(body: unknown): Draft {
  return body instanceof YamlText ? readPolicy(body.text) : draftOf(body);
}

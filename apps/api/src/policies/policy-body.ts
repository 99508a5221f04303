import { draftOf, readPolicy, type Draft } from '@gatehouse/policy';

/** What a body is that came as `application/yaml`: text, which only policies know how to read. */
export class YamlText {
  constructor(readonly text: string) {}
}

export const YAML = 'application/yaml';

/** A body as a policy. Throws `PolicyRefused`. */
export function draftOfBody(body: unknown): Draft {
  return body instanceof YamlText ? readPolicy(body.text) : draftOf(body);
}

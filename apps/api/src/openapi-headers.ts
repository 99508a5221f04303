import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type HeaderName = keyof typeof DESCRIPTIONS;

const DESCRIPTIONS = {
  'X-Request-Id': 'The one that came, if it was sane, else one that was made.',
  'Gatehouse-Position': 'Of a write, the position of what it answers; of a view, how far it is.',
  ETag: 'The revision of the pointer, in quotes.',
  Location: 'Where that is which was made.',
  'Idempotent-Replayed': '`true`: this is what the same Idempotency-Key was answered first.',
  'Retry-After': 'In so many seconds it can be tried again.',
  'WWW-Authenticate': 'Which credential is missing, or what is the matter with the one that came.',
};

/** What they answer comes from a view, and says how far it is. */
const OF_A_VIEW = [
  'models',
  'versions',
  'version',
  'history',
  'moves',
  'events',
  'accessEvents',
  'policyEvents',
  'breakGlass',
];
const OF_THE_POINTER = ['live', 'activeVersion'];
const RECORDING_NOTHING = ['testPolicy', 'backtestPolicy'];
/** Also where it was there already. */
const ALWAYS_LOCATED = ['publish', 'grant'];
/** It is made with a key that is told once, and has no address of its own. */
const NEVER_LOCATED = ['openTenant'];

/** Every header of an answer, as components. */
export const ANSWER_HEADERS = Object.fromEntries(
  Object.entries(DESCRIPTIONS).map(([name, description]) => [
    name,
    { description, schema: { type: 'string' as const } },
  ]),
);

/** The headers of a problem. */
export const PROBLEM_HEADERS = refs('X-Request-Id', 'Gatehouse-Position', 'Retry-After', 'WWW-Authenticate');

/** Says which headers the answers of a read have. */
export function describeReadHeaders({ operationId = '', responses }: Operation): void {
  const tagged = OF_THE_POINTER.includes(operationId);
  const position = tagged || OF_A_VIEW.includes(operationId);
  const headers = refs('X-Request-Id', position && 'Gatehouse-Position', tagged && 'ETag');
  for (const [status, response] of Object.entries(responses))
    Object.assign(response!, {
      headers: status === '503' ? refs('X-Request-Id', 'Retry-After') : headers,
    });
  if (tagged) responses['304'] = { description: 'It is what `If-None-Match` names.', headers };
}

/** Says which headers the answers of a write have; `onModel`: that it is one on a model. */
export function describeWriteHeaders({ operationId = '', responses }: Operation, onModel: boolean): void {
  const recording = !RECORDING_NOTHING.includes(operationId);
  const effect = responses['201'] ? '201' : '200';
  for (const [status, response] of Object.entries(responses)) {
    const made = status === '201' && !NEVER_LOCATED.includes(operationId);
    const headers = refs(
      'X-Request-Id',
      recording && 'Gatehouse-Position',
      onModel && 'ETag',
      (made || ALWAYS_LOCATED.includes(operationId)) && 'Location',
      recording && status === effect && 'Idempotent-Replayed',
    );
    Object.assign(response!, { headers });
  }
}

function refs(...names: readonly (HeaderName | false)[]) {
  const told = names.filter((name) => name !== false);
  return Object.fromEntries(told.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

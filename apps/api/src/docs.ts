import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { withNullAsType, withoutUnused } from './openapi-3-1';
import { PROBLEM_JSON } from './problem-json';
import { PROBLEMS } from './problem';
import { TrialDto } from './policies/resources.dto';
import { WriteAnswerDto } from './reads/resources.dto';

type Header = { readonly name: string; readonly description: string };

const EVERYWHERE: readonly Header[] = [
  { name: 'Gatehouse-Tenant', description: 'Whose models; `default` if absent.' },
  { name: 'Gatehouse-Actor', description: 'Who calls; a write needs it.' },
  { name: 'Gatehouse-Actor-Kind', description: '`user` (default) or `service`.' },
  {
    name: 'X-Request-Id',
    description: 'Taken if sane, else made; echoed, logged, kept with what is recorded.',
  },
];
const READING: readonly Header[] = [
  {
    name: 'Gatehouse-At-Least',
    description: 'A position: waits until the view has reached it, at most 2 s.',
  },
];
const WRITING: readonly Header[] = [
  {
    name: 'Idempotency-Key',
    description: 'The same key with the same command has one effect and the first answer.',
  },
];
const MOVING: readonly Header[] = [
  ...WRITING,
  {
    name: 'If-Match',
    description: 'The revision of the pointer, in quotes: 412 `pointer-moved` if it is elsewhere.',
  },
];
const WRITE_ANSWER = '#/components/schemas/WriteAnswerDto';
const TRIAL = '#/components/schemas/TrialDto';
const OTHERS = ['publish', 'activate', 'testPolicy', 'backtestPolicy'];
const MOVES = ['promote', 'rollBack'];

/** OpenAPI 3.1 of the built app. */
export function openApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gatehouse')
    .setDescription('Which version of an AI model is live, who approved it, on which evidence.')
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('http://127.0.0.1:8080')
    .build();
  const operationIdFactory = (_controller: string, method: string) => method;
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory,
    extraModels: [WriteAnswerDto, TrialDto],
  });
  return withNullAsType(withWhatAllShare(document));
}

/** `/docs` and `/openapi.json`. The document is made when it is first asked for: it would lengthen the cold start. */
export function serveDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => openApi(app), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Gatehouse API',
  });
}

/** What operations share: headers that the guard and the handlers read, the answer of a write, and what is not a success. */
function withWhatAllShare(document: OpenAPIObject): OpenAPIObject {
  for (const { get, post } of Object.values(document.paths)) {
    if (get) extend(get, READING);
    if (post) {
      extend(post, MOVES.includes(post.operationId ?? '') ? MOVING : WRITING);
      describeWrite(post);
    }
  }
  const problem = { [PROBLEM_JSON]: { schema: { $ref: '#/components/schemas/Problem' } } };
  document.components = {
    ...document.components,
    responses: {
      Problem: { description: 'Not a success (RFC 9457). `detail` says what to do next.', content: problem },
    },
    schemas: {
      ...withoutUnused(document.components?.schemas ?? {}, document.paths),
      Problem: problemSchema(),
    },
  };
  return document;
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** What a write on a model answers; the others say themselves what they do. */
function describeWrite(post: Operation): void {
  if (OTHERS.includes(post.operationId ?? '')) return;
  const tried = post.operationId === 'promote' ? [{ $ref: TRIAL }] : [];
  const schema = tried.length > 0 ? { anyOf: [{ $ref: WRITE_ANSWER }, ...tried] } : { $ref: WRITE_ANSWER };
  const answer = { content: { 'application/json': { schema } } };
  post.responses['200'] = { description: 'It is so; `changed` says whether it was already.', ...answer };
  if (post.responses['201']) post.responses['201'] = { description: 'Recorded.', ...answer };
}

function extend(operation: Operation, headers: readonly Header[]): void {
  const parameters = [...EVERYWHERE, ...headers].map((header) => ({
    ...header,
    in: 'header' as const,
    required: false,
    schema: { type: 'string' as const },
  }));
  operation.parameters = [...(operation.parameters ?? []), ...parameters];
  operation.responses['default'] = { $ref: '#/components/responses/Problem' };
}

function problemSchema() {
  const text = { type: 'string' };
  return {
    type: 'object',
    required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
    properties: {
      type: { ...text, description: '`urn:gatehouse:` and the code.' },
      title: text,
      status: { type: 'integer' },
      detail: text,
      instance: { ...text, description: 'The request id.' },
      code: { ...text, enum: Object.keys(PROBLEMS) },
      errors: {
        type: 'array',
        items: {
          type: 'object',
          required: ['pointer', 'message'],
          properties: { pointer: text, message: text },
        },
      },
    },
  };
}

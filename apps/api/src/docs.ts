import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { withAnyJson, withNullAsType, withoutUnused } from './openapi-3-1';
import {
  ANSWER_HEADERS,
  describeReadHeaders,
  describeWriteHeaders,
  PROBLEM_HEADERS,
} from './openapi-headers';
import { PROBLEM_JSON } from './problem-json';
import { ProblemDto } from './problem.dto';
import { TrialDto } from './policies/resources.dto';
import { WriteAnswerDto } from './reads/resources.dto';

type Header = { readonly name: string; readonly description: string };

const EVERYWHERE: readonly Header[] = [
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
const PROBLEM = { [PROBLEM_JSON]: { schema: { $ref: '#/components/schemas/Problem' } } };
const TRIAL = '#/components/schemas/TrialDto';
/** They say themselves what they answer. */
const OTHERS = [
  'publish',
  'activate',
  'testPolicy',
  'backtestPolicy',
  'issueKey',
  'grant',
  'openTenant',
  'suspendTenant',
];
const MOVES = ['promote', 'rollBack'];
/** Each is recorded, also one that says the same as the last. */
const ALWAYS_NEW = ['evaluate'];
/** They need no credential. */
const PUBLIC = ['alive', 'ready', 'policySchema'];
/** They are of no view that could be behind. */
const OF_NO_VIEW = [...PUBLIC, 'log', 'channels'];

/** OpenAPI 3.1 of the built app. */
export function openApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Gatehouse')
    .setDescription('Which version of an AI model is live, who approved it, on which evidence.')
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('http://127.0.0.1:8080')
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'An API key, or a token of the OpenID provider.',
    })
    .addSecurityRequirements('bearer')
    .build();
  const operationIdFactory = (_controller: string, method: string) => method;
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory,
    extraModels: [WriteAnswerDto, TrialDto, ProblemDto],
  });
  return withNullAsType(withAnyJson(withWhatAllShare(document)));
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
  for (const { get, post, delete: remove } of Object.values(document.paths)) {
    if (remove) {
      describeWriteHeaders(remove, false);
      extend(remove, WRITING);
    }
    if (get) {
      describeReadHeaders(get);
      extend(get, OF_NO_VIEW.includes(get.operationId ?? '') ? [] : READING);
      if (PUBLIC.includes(get.operationId ?? '')) get.security = [];
    }
    if (post) {
      describeWrite(post);
      extend(post, MOVES.includes(post.operationId ?? '') ? MOVING : WRITING);
    }
  }
  const Problem = {
    description: 'Not a success (RFC 9457). `detail` says what to do next.',
    headers: PROBLEM_HEADERS,
    content: PROBLEM,
  };
  document.components = {
    ...document.components,
    headers: ANSWER_HEADERS,
    responses: { Problem },
    schemas: withoutUnused(document.components?.schemas ?? {}, [document.paths, PROBLEM]),
  };
  return document;
}

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** What a write on a model answers; the others say themselves what they do. */
function describeWrite(post: Operation): void {
  const onModel = !OTHERS.includes(post.operationId ?? '');
  if (onModel) describeWriteAnswer(post);
  describeWriteHeaders(post, onModel);
}

function describeWriteAnswer({ operationId = '', responses }: Operation): void {
  const schema =
    operationId === 'promote' ? { anyOf: [{ $ref: WRITE_ANSWER }, { $ref: TRIAL }] } : { $ref: WRITE_ANSWER };
  const answer = { content: { 'application/json': { schema } } };
  if (!ALWAYS_NEW.includes(operationId))
    responses['200'] = { description: 'It is so; `changed` says whether it was already.', ...answer };
  if (responses['201']) responses['201'] = { description: 'Recorded.', ...answer };
}

function extend(operation: Operation, headers: readonly Header[]): void {
  const parameters = [...EVERYWHERE, ...headers].map((header) => ({
    ...header,
    in: 'header' as const,
    required: false,
    schema: { type: 'string' as const },
  }));
  operation.parameters = [...(operation.parameters ?? []), ...parameters];
  for (const [status, response] of Object.entries(operation.responses))
    if (status >= '400' && response && 'content' in response) Object.assign(response.content!, PROBLEM);
  operation.responses['default'] = { $ref: '#/components/responses/Problem' };
}

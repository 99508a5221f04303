import { canonicalManifest, digestOf, JsonRefused } from '@gatehouse/canonical';
import { betterWay, LIMITS, type Bound, type Command, type Evaluate, type Manifest } from '@gatehouse/domain';
import { InvalidRequest, type FieldError } from '@gatehouse/platform';
import { Problem } from '../problem';
import { present } from '../present';
import type { EvaluateDto } from './evaluate.dto';
import type { ApproveDto, DeprecateDto, PromoteDto, ReviewDto, RollBackDto } from './decisions.dto';
import type { RegisterDto } from './register.dto';
import { NAME, NAME_MEANS } from './shapes.dto';

// From the validated body of either door to the command it asks for.

export function toRegister({ label, changelog, author, manifest }: RegisterDto): Command {
  const canonical = canonicalOf(manifest);
  const { artifacts, config, prompt, retrieval } = canonical;
  if ([artifacts, config, prompt, retrieval].every((member) => member === undefined))
    throw invalid(
      '/manifest',
      'must hold at least one of artifacts, config, prompt, retrieval, and not empty',
    );
  const data = { digest: digestOf(canonical), label, changelog, author, manifest: canonical };
  return { verb: 'register', data: present(data) };
}

export function toEvaluate(version: number, body: EvaluateDto): Command {
  refuseTooMany('metrics', body.metrics, LIMITS.metrics);
  refuseTooMany('thresholds', body.thresholds ?? {}, LIMITS.bounds);
  const errors = [...metricErrors(body.metrics), ...thresholdErrors(body.thresholds ?? {})];
  if (errors.length > 0) throw new InvalidRequest(errors);
  const { suite, dataset, report } = body;
  const data: Evaluate = {
    version,
    suite,
    dataset: present({ ...dataset }),
    metrics: body.metrics,
    thresholds: Object.fromEntries(
      Object.entries(body.thresholds ?? {}).map(([metric, bound]) => [metric, present({ ...bound })]),
    ),
    report: report && present({ ...report }),
  };
  return { verb: 'evaluate', data: present(data) };
}

export function toApprove(version: number, body: ApproveDto): Command {
  return { verb: 'approve', data: present({ version, ...body }) };
}

export function toPromote(version: number, body: PromoteDto, ifPointer?: number): Command {
  const { note, breakGlass } = body;
  const glass = breakGlass && { reason: breakGlass.reason };
  return { verb: 'promote', data: present({ version, note, breakGlass: glass, ifPointer }) };
}

export function toReview(version: number, body: ReviewDto): Command {
  return { verb: 'review', data: present({ version, ...body }) };
}

export function toRollBack(body: RollBackDto, ifPointer?: number): Command {
  return { verb: 'rollBack', data: present({ ...body, ifPointer }) };
}

export function toDeprecate(version: number, body: DeprecateDto): Command {
  if (body.successor === version) throw invalid('/successor', 'must be another version');
  return { verb: 'deprecate', data: present({ version, ...body }) };
}

function canonicalOf(manifest: object): Manifest {
  try {
    return canonicalManifest({ ...manifest });
  } catch (error) {
    if (error instanceof JsonRefused) throw invalid(`/manifest${error.pointer}`, error.message);
    throw error;
  }
}

function metricErrors(metrics: EvaluateDto['metrics']): FieldError[] {
  const entries = Object.entries(metrics);
  if (entries.length === 0) return [{ pointer: '/metrics', message: 'must hold at least one metric' }];
  return entries.flatMap(([metric, value]) => {
    const pointer = at('/metrics', metric);
    return [...nameErrors(pointer, metric), ...numberErrors(pointer, value)];
  });
}

function thresholdErrors(thresholds: Record<string, unknown>): FieldError[] {
  return Object.entries(thresholds).flatMap(([metric, bound]) => {
    const pointer = at('/thresholds', metric);
    return [...nameErrors(pointer, metric), ...boundErrors(pointer, bound)];
  });
}

const BOUND_MEMBERS: readonly string[] = ['min', 'max', 'maxRegression', 'better'];

function boundErrors(pointer: string, bound: unknown): FieldError[] {
  if (typeof bound !== 'object' || bound === null || Array.isArray(bound))
    return [{ pointer, message: 'must be an object with min, max, maxRegression, better' }];
  const present = Object.entries(bound).filter(([, value]) => value !== null && value !== undefined);
  const errors = present.flatMap(([member, value]) => memberErrors(at(pointer, member), member, value));
  return errors.length > 0 ? errors : senseErrors(pointer, Object.fromEntries(present));
}

function memberErrors(pointer: string, member: string, value: unknown): FieldError[] {
  if (!BOUND_MEMBERS.includes(member)) return [{ pointer, message: 'is not known here' }];
  if (member !== 'better') return numberErrors(pointer, value);
  return value === 'higher' || value === 'lower' ? [] : [{ pointer, message: 'must be higher or lower' }];
}

/** Whether a bound says something, and nothing against itself. */
function senseErrors(pointer: string, bound: Bound): FieldError[] {
  const { min, max, maxRegression, better } = bound;
  const way = betterWay(bound);
  if (min === undefined && max === undefined && maxRegression === undefined)
    return [{ pointer, message: 'must have at least one of min, max, maxRegression' }];
  if (min !== undefined && max !== undefined && min > max)
    return [{ pointer: `${pointer}/min`, message: 'must not be above max' }];
  if (maxRegression !== undefined && maxRegression < 0)
    return [{ pointer: `${pointer}/maxRegression`, message: 'must not be negative' }];
  if (way === undefined && better !== undefined)
    return [
      {
        pointer: `${pointer}/better`,
        message: 'contradicts the bound: min means higher, max means lower is better',
      },
    ];
  if (way === undefined && maxRegression !== undefined)
    return [
      {
        pointer: `${pointer}/better`,
        message: 'must say higher or lower: which way is worse cannot be told',
      },
    ];
  return [];
}

function nameErrors(pointer: string, name: string): FieldError[] {
  return NAME.test(name) ? [] : [{ pointer, message: `the name must be ${NAME_MEANS}` }];
}

function numberErrors(pointer: string, value: unknown): FieldError[] {
  return typeof value === 'number' && Number.isFinite(value)
    ? []
    : [{ pointer, message: 'must be a finite number' }];
}

/** Before each is looked at: a body of many thousands would take its time. */
function refuseTooMany(member: string, entries: object, most: number): void {
  const count = Object.keys(entries).length;
  if (count <= most) return;
  const message = `has ${count} entries; the most on the table of a version is ${most}`;
  throw new Problem('too-many', `Send fewer: /${member} ${message}.`, {
    errors: [{ pointer: `/${member}`, message }],
  });
}

function invalid(pointer: string, message: string): InvalidRequest {
  return new InvalidRequest([{ pointer, message }]);
}

function at(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

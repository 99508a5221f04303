import { named, type BreakGlass, type Opening, type VersionName } from './channel';

type Request = {
  method: string;
  path: string;
  headers: { [name: string]: string };
  body: { [member: string]: unknown };
};
type Moved = Opening<'promoted' | 'rolled-back'> & {
  pin: string | null;
  live: VersionName | null;
  previous: VersionName | null;
  pointer: number;
  artifacts: { name: string; uri: string }[];
  code: { repository?: string; revision?: string } | null;
  rollback: Request | null;
  /** Of a promotion only. */
  breakGlass?: BreakGlass;
};
type Deprecated = Opening<'deprecated'> & {
  version: VersionName;
  sunset: string;
  successor: VersionName | null;
};
/** What engineering uses of `engineering`. */
export type Engineering = Moved | Deprecated;

/** What to run from now on, and the one call that takes it back. */
export function engineering(told: Engineering): string[] {
  switch (told.event) {
    case 'promoted':
    case 'rolled-back':
      return moved(told);
    case 'deprecated':
      return deprecated(told);
    default:
      return [];
  }
}

function moved(told: Moved): string[] {
  const { model, pin, live, previous, pointer, artifacts, code, rollback, breakGlass } = told;
  const before = previous === null ? '' : `, it was ${named(previous)} ${previous.digest}`;
  return [
    `${model}: run ${live === null ? 'nothing' : named(live)}${before}`,
    `  pin ${pin ?? 'nothing'} (pointer ${pointer})`,
    ...(breakGlass ? [`  by break-glass, without waiting for approvals: ${breakGlass.reason}`] : []),
    ...artifacts.map(({ name, uri }) => `  fetch ${name}: ${uri}`),
    ...(code?.revision === undefined
      ? []
      : [`  code ${code.revision} of ${code.repository ?? 'its repository'}`]),
    ...(rollback === null ? [] : [`  to go back: ${curl(rollback)}`]),
  ];
}

function deprecated({ model, version, sunset, successor }: Deprecated): string[] {
  const next = successor === null ? '' : `; move to ${named(successor)}`;
  return [`${model}: ${named(version)} ends on ${sunset}${next}`, `  unpin ${version.digest}`];
}

/** The request as it came, ready to be sent; who sends it says who they are. */
function curl({ method, path, headers, body }: Request): string {
  const all = Object.entries({ Authorization: 'Bearer …', ...headers });
  const given = all.map(([name, value]) => `-H '${name}: ${value}'`).join(' ');
  return `curl -X ${method} "$gatehouse${path}" ${given} -d '${JSON.stringify(body)}'`;
}

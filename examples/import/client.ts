/** Who is calling, and what they may do. */
export type Actor = {
  readonly id: string;
  readonly kind: 'user' | 'service';
  readonly roles: readonly string[];
};

export type Rule = {
  rule: string;
  metric?: string;
  required: unknown;
  observed: unknown;
  verdict: 'pass' | 'fail' | 'inconclusive';
};
export type Ref = { version: number; digest: string; label?: string | null };
export type Live = { model: string; revision: number; current: Ref | null; rollbackTarget: Ref | null };
export type Evaluated = {
  metrics: Record<string, number>;
  deltas: Record<string, { live: number; delta: number }>;
  baseline?: { version: number };
  rules: Rule[];
  movedTo?: 'STAGING';
};

/** Every write answers with this. `event` is null when nothing had to be recorded. */
export type Written<Data = unknown> = {
  changed: boolean;
  position: string;
  version: Ref & { stage: string };
  live: Live;
  event: { data: Data } | null;
};

/** An answer that is not a success: the service says why in `code`, and what to do next in `message`. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: { code?: string; detail?: string; gate?: Rule[]; errors?: unknown },
    request: string,
  ) {
    super(
      `${request}: ${status} ${problem.code ?? ''} ${problem.detail ?? ''} ${problem.errors === undefined ? '' : JSON.stringify(problem.errors)}`,
    );
  }
}

/** Whoever looks. */
export const READER: Actor = { id: 'reader', kind: 'user', roles: ['reader'] };

/** The HTTP API, as far as an importer needs it. `fetch` keeps its connections alive. */
export class GatehouseClient {
  private readonly keys = new Map<string, Promise<string>>();

  /** `adminKey`: that of `<data>/admin.key`; everybody else gets a key of their own when they first call. */
  constructor(
    readonly address: string,
    private readonly adminKey: string,
  ) {}

  /** The key of an actor. */
  keyOf({ id, kind, roles }: Actor): Promise<string> {
    const known = this.keys.get(id);
    if (known) return known;
    const body = { actor: id, kind, roles: roles.map((role) => ({ role })) };
    const issued = this.send<{ key: string }>('POST', '/v1/access/keys', {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.adminKey}` },
    }).then(({ key }) => key);
    this.keys.set(id, issued);
    return issued;
  }

  /** A write: as somebody, under a key that makes it safe to send again, and for pointer moves with the pointer they expect. */
  async post<Data>(
    path: string,
    actor: Actor,
    key: string,
    body: object,
    ifPointer?: number,
  ): Promise<Written<Data>> {
    return this.send('POST', path, {
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${await this.keyOf(actor)}`,
        'idempotency-key': key,
        ...(ifPointer === undefined ? {} : { 'if-match': `"${ifPointer}"` }),
      },
    });
  }

  /** A read; of views that have come at least as far as `position`. */
  async get<T>(path: string, position?: string): Promise<T> {
    const authorization = `Bearer ${await this.keyOf(READER)}`;
    const more: Record<string, string> = position === undefined ? {} : { 'gatehouse-at-least': position };
    return this.send('GET', path, { headers: { authorization, ...more } });
  }

  /** All items of a list, page by page. */
  async list<T>(path: string, position?: string): Promise<T[]> {
    const items: T[] = [];
    let after = '';
    do {
      const url = `${path}${path.includes('?') ? '&' : '?'}limit=500${after}`;
      const page = await this.get<{ items: T[]; next: string | null }>(url, position);
      items.push(...page.items);
      after = page.next ? `&after=${encodeURIComponent(page.next)}` : '';
    } while (after !== '');
    return items;
  }

  /** How many events there are after a position. */
  async countEvents(after: string): Promise<number> {
    const authorization = `Bearer ${await this.keyOf(READER)}`;
    const answer = await fetch(`${this.address}/v1/events?after=${after}`, { headers: { authorization } });
    if (!answer.ok) throw new Refused(answer.status, {}, 'GET /v1/events');
    return (await answer.text()).split('\n').filter((line) => line !== '').length;
  }

  private async send<T>(method: string, path: string, init: RequestInit): Promise<T> {
    const answer = await fetch(`${this.address}${path}`, { method, ...init });
    const text = await answer.text();
    if (answer.ok) return JSON.parse(text) as T;
    let problem: Refused['problem'] = { detail: text };
    if (answer.headers.get('content-type')?.includes('json'))
      problem = JSON.parse(text) as Refused['problem'];
    throw new Refused(answer.status, problem, `${method} ${path}`);
  }
}

import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { Problem } from './problem';

type Route = { readonly path: RegExp; readonly methods: Set<string> };

/** Every HTTP route there is: what a path takes, and what it means when the framework refuses a request. */
@Injectable()
export class Routes {
  private readonly known = new Map<string, Route>();

  /** Called by Fastify for each route, as it is added. */
  add({ url, method }: Pick<RouteOptions, 'url' | 'method'>): void {
    const path = new RegExp(
      `^${url
        .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replace(/:\w+/g, '[^/]+')
        .replaceAll('*', '.*')}$`,
    );
    const route = this.known.get(url) ?? { path, methods: new Set(['OPTIONS']) };
    for (const one of [method].flat()) route.methods.add(one);
    this.known.set(url, route);
  }

  /** Every route, as `METHOD /path`. */
  all(): string[] {
    return [...this.known].flatMap(([url, { methods }]) => [...methods].map((method) => `${method} ${url}`));
  }

  /** The methods that a path takes, as `Allow` has them; undefined: no such path. */
  allowed(url: string): string | undefined {
    const path = url.split('?', 1)[0]!;
    const methods = [...this.known.values()]
      .filter((route) => route.path.test(path))
      .flatMap((route) => [...route.methods]);
    return methods.length === 0 ? undefined : [...new Set(methods)].sort().join(', ');
  }

  /** What the framework meant. */
  problemOf(status: number, error: Error, request: FastifyRequest, reply: FastifyReply): unknown {
    // 403 is what the files of /docs say to a path that would lead out of them.
    if (status === 404 || status === 403) return this.missing(request, reply);
    if (status === 413) return new Problem('too-large', 'Send a smaller body; see GATEHOUSE_BODY_LIMIT_KIB.');
    if (status === 415)
      return new Problem('media-type-unsupported', 'Send JSON, with Content-Type: application/json.');
    if (status < 500) return invalid(error.message);
    return error;
  }

  /** What to say where no route is: that the path takes other methods, or that there is no such path. */
  missing(request: FastifyRequest, reply: FastifyReply): Problem {
    const allow = this.allowed(request.url);
    if (allow === undefined || allow.split(', ').includes(request.method))
      return new Problem('not-found', 'There is no such path. /docs lists those there are.');
    reply.header('allow', allow);
    return new Problem('method-not-allowed', `Use one of ${allow}.`);
  }
}

function invalid(message: string): Problem {
  return new Problem('invalid', `The request cannot be read: ${message}.`, {
    errors: [{ pointer: '', message }],
  });
}

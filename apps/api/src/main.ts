import 'reflect-metadata';
import { runService, StoreState } from '@gatehouse/platform';
import { start } from './create-app';

function banner(http: string, grpc: string): string {
  return [
    '',
    `API docs:    http://${http}/docs  (OpenAPI at /openapi.json, gRPC reflection is on)`,
    `First call:  curl http://${http}/v1/models`,
    `gatehouse http listening on ${http}`,
    `gatehouse grpc listening on ${grpc}`,
    '',
  ].join('\n');
}

void runService(async (settings, log) => {
  const running = await start(settings, log);
  return {
    banner: banner(running.http, running.grpc),
    failed: running.app.get(StoreState).failed,
    stop: (graceMs) => running.stop(graceMs),
  };
});

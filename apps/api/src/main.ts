import 'reflect-metadata';
import { runService, StoreState } from '@gatehouse/platform';
import { join } from 'node:path';
import { FirstStart } from './access/first-start';
import { start, type Running } from './create-app';

// Said at every start: somebody may have forgotten that they allowed it.
const EXPOSED =
  'WARNING:     no TLS beyond loopback (GATEHOUSE_PLAINTEXT=allow): credentials can be read on the way.';

function banner({ http, grpc, tls, exposed }: Running, keyFile: string, isNew: boolean): string {
  const url = `${tls ? 'https' : 'http'}://${http}`;
  return [
    '',
    ...(isNew ? [`Admin key:   ${keyFile}  (made just now, and kept nowhere else)`] : []),
    `API docs:    ${url}/docs  (OpenAPI at /openapi.json, gRPC reflection is on)`,
    `First call:  curl -H "Authorization: Bearer $(cat ${keyFile})" ${url}/v1/models`,
    ...(tls ? ['Both doors speak TLS.'] : []),
    ...(exposed ? [EXPOSED] : []),
    `gatehouse http listening on ${tls ? url : http}`,
    `gatehouse grpc listening on ${grpc}`,
    '',
  ].join('\n');
}

void runService(async (settings, log) => {
  const running = await start(settings, log);
  const { adminKeyFile } = running.app.get(FirstStart, { strict: false });
  return {
    banner: banner(running, join(settings.data, 'admin.key'), adminKeyFile !== undefined),
    failed: running.app.get(StoreState).failed,
    stop: (graceMs) => running.stop(graceMs),
  };
});

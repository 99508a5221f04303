import { createInterface } from 'node:readline';
import { obey, type Order } from './control';
import { type EsdbServerOptions, startEsdbServer } from './server';

// `serve.ts [PORT] [OPTIONS as JSON]`: says `ready {port, connectionString}`, then answers one line of JSON with another.

async function main(port: string | undefined, options: string | undefined): Promise<void> {
  // The options come from the test that starts this.
  const chosen = JSON.parse(options ?? '{}') as EsdbServerOptions;
  const server = await startEsdbServer({ ...chosen, port: Number(port ?? 0) });
  const { connectionString } = server;
  console.log(`ready ${JSON.stringify({ port: server.port, connectionString })}`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    const { id, ...order } = JSON.parse(line) as Order & { readonly id?: number };
    try {
      console.log(JSON.stringify({ id, ok: (await obey(server, order)) ?? null }));
    } catch (error) {
      console.log(JSON.stringify({ id, error: String(error) }));
    }
  }
  await server.stop();
}

main(process.argv[2], process.argv[3]).catch((error: Error) => {
  console.error(error);
  process.exit(1);
});

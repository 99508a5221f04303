import { PointerFile } from '../pointer-file';

// A process that keeps a pointer file, one move after another, until it is killed: `keep.ts <folder>`.

const LONG = 'x'.repeat(20_000);

async function keep(folder: string): Promise<void> {
  let head = 0;
  const keeper = new PointerFile({
    folder,
    render: async () => JSON.stringify({ revision: head, text: LONG }),
    head: async () => BigInt(head),
  });
  const checkpoint = await keeper.checkpoint();
  head = Number(checkpoint?.position ?? 0n);
  process.stdout.write('keeping\n');
  for (;;) {
    head++;
    const place = {
      position: BigInt(head),
      stream: 'model-acme.fraud',
      revision: BigInt(head),
      id: `id ${head}`,
    };
    const meta = { tenant: 'acme', model: 'fraud', schema: 1 };
    await keeper.handle([{ ...place, type: 'model.Promoted', data: {}, meta }], { logId: 'log', ...place });
  }
}

void keep(process.argv[2]!);

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { SqliteEventStore } from '../sqlite-event-store';

/** Appends, breaks the disk (see fail-sync.c), appends again and says what each append was told. */
async function main(file: string, broken: string): Promise<void> {
  const store = await SqliteEventStore.open({ file });
  const append = async (stream: string) => {
    const id = randomUUID();
    const outcome = await store
      .append(stream, -1n, [{ id, type: 'test.Happened', data: {}, meta: {} }])
      .then(() => 'appended')
      .catch((error: Error) => error.name);
    console.log(JSON.stringify({ id, outcome }));
  };
  for (let n = 0; n < 20; n++) await append(`good-${n}`);
  writeFileSync(broken, '');
  await Promise.all([append('doubtful-1'), append('doubtful-2')]);
  const failed = await store.failed;
  await append('late');
  console.log(JSON.stringify({ id: '', outcome: failed.message }));
  for await (const { id } of store.readAll(0n, { follow: false, signal: new AbortController().signal }))
    console.log(JSON.stringify({ id, outcome: 'read' }));
  process.exit(3);
}

void main(process.argv[2]!, process.argv[3]!);

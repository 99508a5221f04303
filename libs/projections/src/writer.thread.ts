import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openWriter } from './database';
import { type Batch, Rows } from './rows';

/** To the thread. */
export type ToWriter = { readonly write: Batch } | 'clear' | 'close';

/** From the thread: one answer to every `write` and `clear`, in order. Null: it is committed. */
export type FromWriter = null | { readonly message: string; readonly code?: unknown };

/** The thread that owns the writing connection: a large commit holds up nobody but itself. */
function run(port: MessagePort, file: string): void {
  const db = openWriter(file);
  const rows = new Rows(db);
  port.on('message', (message: ToWriter) => {
    if (message === 'close') {
      db.close();
      return port.close();
    }
    port.postMessage(outcome(() => (message === 'clear' ? rows.clear() : rows.write(message.write))));
  });
}

function outcome(act: () => void): FromWriter {
  try {
    act();
    return null;
  } catch (error) {
    const { message, code } = error as Error & { code?: unknown };
    return { message, code };
  }
}

if (parentPort) run(parentPort, workerData as string);

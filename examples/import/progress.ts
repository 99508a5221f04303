import type { Release } from './releases';

const WIDTH = 30;
const EVERY = 100;

/** Shows how far the import is: a bar on a terminal, elsewhere a line now and then. */
export function progress(total: number, out: NodeJS.WriteStream): (done: number, release: Release) => void {
  return (done, { model, version }) => {
    if (out.isTTY) {
      const filled = Math.round((done / total) * WIDTH);
      const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
      out.write(
        `\r\x1b[2K${bar} ${done}/${total} ${done < total ? `${model} ${version}` : ''}${done < total ? '' : '\n'}`,
      );
    } else if (done % EVERY === 0 || done === total) out.write(`${done} of ${total} releases\n`);
  };
}

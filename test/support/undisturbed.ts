import { monitorEventLoopDelay } from 'node:perf_hooks';

const STOOD_STILL_MS = 100;
const ATTEMPTS = 6;

/**
 * Runs a work whose outcome is a matter of time. Where it fails and this process stood still for 100 ms meanwhile, that says nothing about
 * who was asked: it runs again, each time with another number, and the sixth failure counts.
 */
export async function undisturbed<T>(work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    try {
      return await work(attempt);
    } catch (error) {
      if (delay.max / 1e6 < STOOD_STILL_MS || attempt === ATTEMPTS) throw error;
    } finally {
      delay.disable();
    }
  }
}

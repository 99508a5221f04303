import type { EventStore } from '../event-store';
import { appendContract } from './contract-append';
import { identityContract } from './contract-identity';
import { contentContract } from './contract-content';
import { reopenContract } from './contract-reopen';
import { readContract } from './contract-read';
import { followContract } from './contract-follow';
import type { OpenedStore } from './contract-tools';

export type { OpenedStore } from './contract-tools';

/** The store of the running test, and a way to close it and open it again. */
export interface Subject {
  readonly store: EventStore;
  readonly reopen: () => Promise<void>;
}

/**
 * The promises of the port, as tests. Every adapter runs them, the memory store included: that is why it may stand
 * in for the others. `open` gives a store on a new, empty log; `durable` says that it can be reopened.
 */
export function eventStoreContract(name: string, open: () => Promise<OpenedStore>, durable: boolean): void {
  describe(`${name} keeps the promises of the port`, () => {
    let opened: OpenedStore;
    let store: EventStore;
    const subject: Subject = {
      get store() {
        return store;
      },
      reopen: async () => {
        store = await opened.reopen!();
      },
    };
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    appendContract(subject);
    identityContract(subject);
    contentContract(subject);
    readContract(subject);
    followContract(subject);
    if (durable) reopenContract(subject);
  });
}

import { LogTruncated, StoreUnavailable, WrongRevision } from './event-store';
import { MayPass } from './projection';
import { reasonOf } from './reason';

const SECRET = 'model-acme.fraud';

describe('the reason that is told of an error', () => {
  const coded = Object.assign(new Error(`ENOENT: no such file, open '/files/acme/fraud'`), {
    code: 'ENOENT',
  });
  const lost = Object.assign(new Error('UNAVAILABLE'), { told: 'UNAVAILABLE' });
  it.each([
    [new LogTruncated(SECRET, 3n), 'a stream has no revision 3: the log was truncated'],
    [coded, 'ENOENT'],
    [new MayPass(coded.message, { cause: coded }), 'ENOENT'],
    [new MayPass('the views cannot be written'), 'the views cannot be written'],
    [new StoreUnavailable(`reading ${SECRET}`, { cause: lost }), 'StoreUnavailable: UNAVAILABLE'],
    [new WrongRevision(SECRET, 3n, 4n), 'WrongRevision: the log of this process says more'],
    [new TypeError(`no file for acme/fraud`), 'TypeError: the log of this process says more'],
    ['acme', 'the log of this process says more'],
  ])('%s', (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });
});

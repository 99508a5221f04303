/** Injection token of the one `EventStore` (`@Inject(EVENT_STORE) store: EventStore`). */
export const EVENT_STORE = Symbol('EventStore');

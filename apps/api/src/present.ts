/** What may be null in a resource is absent in a message, and in what is recorded. */
type Present<T> = { [K in keyof T as null extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as null extends T[K] ? K : never]?: Exclude<T[K], null>;
};

/** Without the members that are absent or null, so that both doors and every store see the same; one level. */
export function present<T extends object>(resource: T): Present<T> {
  return Object.fromEntries(
    Object.entries(resource).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<T>;
}

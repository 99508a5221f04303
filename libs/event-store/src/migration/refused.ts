/** The target cannot become a copy of the source. The message says what is in the way. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused';
}

const SCALE = Number(process.env['GATEHOUSE_TEST_SCALE'] ?? '1');

/** How often to repeat something: the count that CI runs, times `GATEHOUSE_TEST_SCALE` (10 for a night, 0.05 for a quick look). */
export const scaled = (count: number): number => Math.max(1, Math.round(count * SCALE));

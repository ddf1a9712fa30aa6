/** The rule of scratch installations: five refusals within an hour block. */
export const RULE = [
  'name: invalid-recipients',
  'description: Mail to addresses that do not exist.',
  'count: invalid',
  'per: submitter',
  'direction: outbound',
  'limit: 5',
  'period: 1h',
  'action: block',
  '',
].join('\n');

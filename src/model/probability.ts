/** The logistic function, which Platt scaling (1999) turns scores into probabilities with. */
export const logistic = (score: number): number => 1 / (1 + Math.exp(-score));

/** The probability that one or the other of two independent things is so. */
export const noisyOr = (one: number, other: number): number => 1 - (1 - one) * (1 - other);

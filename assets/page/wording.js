// How numbers and reasons read.

export const absences = {
  none: 'no photo',
  given: 'described upstream',
  not_matching: 'does not match the text',
  unreachable: 'could not be reached',
  timed_out: 'took too long',
  too_large: 'too large',
  not_an_image: 'not an image',
  undecodable: 'could not be decoded',
  blocked_address: 'address not allowed',
  circuit_open: 'host is failing',
};

export const rejections = {
  not_json: 'not JSON',
  invalid_post: 'not a valid post',
  unsupported_format: 'unsupported format',
  empty: 'nothing to tag',
  too_long: 'too long',
  language: 'other language',
  duplicate: 'duplicate',
  result_too_large: 'result too large',
  undecodable_batch: 'undecodable record batch',
};

export const percent = (score) => (score > 0 && score < 0.005 ? '<1%' : `${Math.round(score * 100)}%`);

export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${Number.isInteger(seconds) ? seconds : seconds.toFixed(1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

export const rate = (postsPerSecond) => postsPerSecond.toFixed(postsPerSecond < 10 ? 1 : 0);

export const posts = (count) => `${count.toLocaleString()} ${count === 1 ? 'post' : 'posts'}`;

/** A record's place in the input, as logs and traces write it. */
export const placeOf = ({ position: { topic, partition, offset } }) => `${topic}/${partition}/${offset}`;

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Apache Kafka's own Java programs: broker, console consumer and console producer. */
export interface JavaTools {
  /** What to give `java -cp`. */
  readonly classPath: string;
  /** Runs a main class to its end and returns what it wrote to stdout; `input` is its stdin. */
  run(mainClass: string, args: readonly string[], input?: string): Promise<string>;
}

const run = promisify(execFile);
const version = '4.1.0';

/** Small heaps and the quick compiler only: these programs live for a second. */
const javaOptions = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tagstream</groupId><artifactId>test-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${['kafka_2.13', 'kafka-tools']
      .map(
        (artifact) =>
          `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
      )
      .join('\n    ')}
  </dependencies>
</project>
`;

/**
 * Kafka's Java programs, fetched with Maven into the user's cache folder on first use.
 *
 * @throws Error, with the reason, where Java or Maven is missing or Maven cannot fetch them.
 */
export async function findJavaTools(): Promise<JavaTools> {
  await run('java', ['-version']).catch(() => {
    throw new Error('Java is not installed');
  });
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tagstream');
  const libraries = join(cache, `kafka-${version}`);
  if (!existsSync(libraries)) await fetchLibraries(cache, libraries);
  const classPath = join(libraries, '*');
  return {
    classPath,
    async run(mainClass, args, input = '') {
      const running = run('java', [...javaOptions, '-cp', classPath, mainClass, ...args], {
        maxBuffer: 2 ** 30,
      });
      running.child.stdin?.end(input);
      return (await running).stdout;
    },
  };
}

/** Two test runs may do this at the same time: each fetches into a folder of its own, the first to be ready wins. */
async function fetchLibraries(cache: string, libraries: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const workspace = await mkdtemp(join(cache, `kafka-${version}-`));
  try {
    await writeFile(join(workspace, 'pom.xml'), pom);
    await run('mvn', [
      ...['--quiet', '--batch-mode', '--file', join(workspace, 'pom.xml')],
      ...['dependency:copy-dependencies', '-DincludeScope=runtime'],
      `-DoutputDirectory=${join(workspace, 'lib')}`,
    ]).catch((error: unknown) => {
      throw new Error('Maven cannot fetch Apache Kafka', { cause: error });
    });
    await rename(join(workspace, 'lib'), libraries).catch((error: unknown) => {
      if (!existsSync(libraries)) throw error;
    });
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

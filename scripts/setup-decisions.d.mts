export type Native = { from: string; anyOf: string[]; required: boolean; without: string };
export type Program = { name: string; variable: string | null };
export type PackageSystem = 'apt' | 'dnf' | 'brew';
type Environment = Record<string, string | undefined>;
type Find = (nameOrPath: string) => string | null;

export function nodeProblem(version: string): string | null;
export function dependencyStamp(facts: {
  packageJson: string;
  packageLock: string;
  platform: string;
  arch: string;
  nodeVersion: string;
}): string;
export function nativePackages(machine: { platform: string; arch: string }): Native[];
export function missingNative(natives: Native[], isInstalled: (name: string) => boolean): Native[];
export function neededPrograms(env: Environment): Program[];
export function lookForPrograms(
  programs: Program[],
  env: Environment,
  find: Find,
): { missing: string[]; misled: { name: string; variable: string; asked: string }[] };
export function packagesFor(system: PackageSystem, programs: string[]): string[];
export function packageSystem(find: Find): PackageSystem | null;
export function commandForPerson(system: PackageSystem | null, programs: string[]): string;
export function aptPrefix(rights: { isRoot: boolean; sudoAsksNothing: boolean }): string[] | null;
export function aptArguments(action: 'update' | 'install', packages?: string[]): string[];

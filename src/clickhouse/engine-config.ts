import type { Settings } from './settings.ts';

const MIB = 1024 ** 2;
/**
 * What the process holds that the engine does not count: the pages in use of its library (some 242 MiB of 566 MB), Node with
 * its buffers, stacks. Measured: 300 MiB idle, 350 MiB under load.
 */
const PROCESS_BYTES = 368 * MIB;
/** Of the rest: pages the allocator has not given back yet, and what it loses to fragments. Measured: under 45 MiB of 590. */
const ALLOCATOR_SHARE = 0.1;
/** With less than this not even a small insert gets through. */
const LEAST_ENGINE_BYTES = 128 * MIB;

/**
 * For the allocator inside chDB, which reads JE_MALLOC_CONF when it is loaded. Freed pages go back within a quarter of a
 * second instead of five: at the cap, five seconds of them came on top. No slower; giving back at once takes a third more CPU.
 */
export const ALLOCATOR_OPTIONS = 'background_thread:true,dirty_decay_ms:250,muzzy_decay_ms:0';

/** What the engine may count, so that the whole process stays under `maxMemoryBytes`; `holds` is false where it cannot. */
export function engineMemory(maxMemoryBytes: number): { engineBytes: number; holds: boolean } {
  const engineBytes = Math.floor((maxMemoryBytes - PROCESS_BYTES) * (1 - ALLOCATOR_SHARE));
  if (engineBytes >= LEAST_ENGINE_BYTES) return { engineBytes, holds: true };
  return { engineBytes: LEAST_ENGINE_BYTES, holds: false };
}

/**
 * The engine's configuration file. Caches and merges get shares of its memory: by default they are sized by the machine's,
 * and a full cache is not given back when a statement needs room.
 */
export function engineConfig(engineBytes: number): string {
  const share = (part: number) => Math.floor(engineBytes * part);
  return `<clickhouse>
  <max_server_memory_usage>${engineBytes}</max_server_memory_usage>
  <merges_mutations_memory_usage_soft_limit>${share(0.4)}</merges_mutations_memory_usage_soft_limit>
  <mark_cache_size>${share(0.08)}</mark_cache_size>
  <index_mark_cache_size>${share(0.04)}</index_mark_cache_size>
  <primary_index_cache_size>${share(0.08)}</primary_index_cache_size>
  <query_condition_cache_size>${share(0.02)}</query_condition_cache_size>
  <compiled_expression_cache_size>${share(0.02)}</compiled_expression_cache_size>
  <merge_tree><min_columns_to_activate_adaptive_write_buffer>1</min_columns_to_activate_adaptive_write_buffer></merge_tree>
  <jemalloc_enable_background_threads>1</jemalloc_enable_background_threads>
  <jemalloc_max_background_threads_num>1</jemalloc_max_background_threads_num>
</clickhouse>
`;
}

/** What every statement starts with. An insert is written in blocks that fit into its memory many times over, not of 256 MiB. */
export function sessionSettings(engineBytes: number): Settings {
  const insertBlockBytes = Math.min(256 * MIB, Math.floor(engineBytes / 16));
  return new Map([['min_insert_block_size_bytes', String(insertBlockBytes)]]);
}

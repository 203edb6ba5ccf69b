import { nara1r } from './nara-1r.ts';

/** Every dashboard as the JSON that Grafana reads, by file name. The same code gives the same bytes. */
export function renderDashboards(): Record<string, string> {
  return { 'nara-1r.json': `${JSON.stringify(nara1r(), null, 2)}\n` };
}

// node --import tsx bench/draw-first-beta.ts SERIES.json OUT.svg: the picture of a run that was kept with --series.
import { readFile, writeFile } from 'node:fs/promises';
import { drawChart } from './first-beta/chart.ts';

const [seriesPath = '', svgPath = ''] = process.argv.slice(2);
await writeFile(svgPath, drawChart(JSON.parse(await readFile(seriesPath, 'utf8'))));

// node --import tsx bench/first-beta/draw-chart.ts SERIES.json OUT.svg: the picture of a run that was kept with --series.
import { readFile, writeFile } from 'node:fs/promises';
import { drawChart } from './chart.ts';

const [seriesPath = '', svgPath = ''] = process.argv.slice(2);
await writeFile(svgPath, drawChart(JSON.parse(await readFile(seriesPath, 'utf8'))));

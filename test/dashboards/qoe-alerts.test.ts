import { describe, expect, it } from 'vitest';
import { QOE_ALERTS, qoeAlertFile } from '../../dashboards/qoe-alerts.ts';

type Rule = {
  uid: string;
  condition: string;
  data: { refId: string; datasourceUid: string; model: Record<string, unknown> }[];
  annotations: Record<string, string>;
};
const rules: Rule[] = JSON.parse(JSON.stringify(qoeAlertFile())).groups[0].rules;

describe('the alert rules over views', () => {
  it('are as many as there are alerts, each with its own id', () => {
    expect(new Set(rules.map(({ uid }) => uid)).size).toBe(QOE_ALERTS.length);
    for (const { uid } of rules) expect(uid).toMatch(/^[a-z-]{1,40}$/);
  });

  it('compare what ClickHouse answers with their threshold', () => {
    for (const [index, { condition, data }] of rules.entries()) {
      expect(data.map(({ refId, datasourceUid }) => [refId, datasourceUid])).toEqual([
        ['A', 'nara-clickhouse'],
        ['B', '__expr__'],
      ]);
      expect(condition).toBe('B');
      expect(data[1]?.model).toMatchObject({
        expression: 'A',
        conditions: [{ evaluator: { type: 'gt', params: [QOE_ALERTS[index]?.above] } }],
      });
    }
  });

  it('leave no dollar to the environment of Grafana', () => {
    for (const text of JSON.stringify(rules).matchAll(/\$+/g)) expect(text[0].length % 2).toBe(0);
  });

  it('say where, and what to do', () => {
    for (const { annotations } of rules) {
      expect(annotations.summary).toContain('{{ $$labels.region }} on {{ $$labels.device }}');
      expect(annotations.action).toMatch(/\.$/);
    }
  });
});

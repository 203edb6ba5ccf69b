type Report = {
  testResults: {
    name: string;
    status: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
};

export function tallyTests(reports: Report[]): { passed: number; failed: number; skipped: number };

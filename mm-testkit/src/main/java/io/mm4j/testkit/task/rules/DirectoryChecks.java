// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.testkit.task.naive.NaiveTasks;

/** What page directories have in common, and what not: read from RAM. */
final class DirectoryChecks {
  private DirectoryChecks() {}

  private static long entry(TaskBench bench, long root, int index) {
    int bytes = bench.machine.pageTables().format().shape().entryBytes();
    long at = (root << 12) + (long) index * bytes;
    return bytes == 8
        ? bench.machine.memory().getLong(at)
        : bench.machine.memory().getInt(at) & 0xffffffffL;
  }

  /** Every directory against the kernel's own; an entry may still be missing on 2.4. */
  static void kernelHalf(TaskBench bench) {
    PageTables tables = bench.machine.pageTables();
    PageTableFormat format = tables.format();
    int top = format.levels();
    long kernel = tables.kernelRoot(bench.cpu(0));
    boolean late = bench.abi == io.mm4j.api.process.ExecRequest.Abi.I386_24;
    int first = format.index(top, format.kernel().start());
    for (int mm : bench.leftMms()) {
      long root = bench.space(mm).fields().pgd() >>> 12;
      for (int i = first; i < format.shape().entries(top); i++) {
        long wanted = entry(bench, kernel, i);
        long seen = entry(bench, root, i);
        boolean same = seen == wanted || (late && seen == 0);
        check(
            same,
            "entry "
                + i
                + " of the page directory of address space "
                + mm
                + " as the kernel's, 0x"
                + Long.toHexString(wanted),
            "0x" + Long.toHexString(seen));
      }
    }
  }

  static void noStale(TaskBench bench) {
    for (int cpu = 0; cpu < TaskBench.CPUS; cpu++) {
      Mmu mmu = bench.machine.pageTables().mmu(bench.cpu(cpu));
      int stale = mmu.stale();
      check(
          stale == 0,
          "no stale translation on CPU " + cpu,
          stale + ", one of them for 0x" + Long.toHexString(mmu.firstStale()));
      int mm = bench.model.active(cpu);
      int pid = bench.model.current(cpu);
      NaiveTasks.One task =
          bench.model.living().stream().filter(t -> t.pid == pid).findFirst().orElse(null);
      if (task != null && task.mm == mm && !task.uses) {
        byAccess(bench, cpu, mm);
      }
    }
  }

  /** What an access reaches is what the tables say. */
  private static void byAccess(TaskBench bench, int cpu, int mm) {
    long addr = bench.space(mm).layout().taskSize() - 8;
    long seen = bench.tasks.access(bench.cpu(cpu), addr, Mmu.WRITE);
    long root = bench.space(mm).fields().pgd() >>> 12;
    checkEqual(
        bench.machine.pageTables().translate(root, addr),
        seen,
        "what CPU " + cpu + " reaches at 0x" + Long.toHexString(addr));
  }

  static void switchChanges(TaskBench bench) {
    NaiveTasks.One one = bench.spawn();
    NaiveTasks.One two = bench.spawn();
    long addr = bench.space(one.mm).layout().taskSize() - 16;
    long direct = bench.machine.architecture().pageOffset() + (1 << 20);
    bench.run(0, one);
    long first = bench.tasks.access(bench.cpu(0), addr, Mmu.WRITE);
    Mmu mmu = bench.machine.pageTables().mmu(bench.cpu(0));
    long kernel = mmu.access(direct, 0);
    bench.run(0, two);
    long second = bench.tasks.access(bench.cpu(0), addr, Mmu.WRITE);
    check(first >= 0 && second >= 0, "two pages", first + " and " + second);
    check(first != second, "another frame after the switch", "the same: " + first);
    checkEqual(kernel, mmu.access(direct, 0), "where an address of the kernel leads");
    bench.run(0, one);
    checkEqual(first, bench.tasks.access(bench.cpu(0), addr, 0), "the first one's page again");
    kernelHalf(bench);
    PageTableFormat format = bench.machine.pageTables().format();
    int index = format.index(format.levels(), addr);
    long a = entry(bench, bench.space(one.mm).fields().pgd() >>> 12, index);
    long b = entry(bench, bench.space(two.mm).fields().pgd() >>> 12, index);
    check(a != b, "different user entries", "the same: 0x" + Long.toHexString(a));
  }
}

// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The blocks that one CPU keeps of one zone: {@code struct per_cpu_pages}. */
final class CpuLists {
  final int cpu;
  final PcpTuning tuning;

  /** By {@link PcpTuning#list}; what was freed last is first. */
  final List<Deque<Long>> lists = new ArrayList<>();

  CpuLists(int cpu, Marks.Numbers numbers) {
    this.cpu = cpu;
    this.tuning = new PcpTuning(numbers.batch(), numbers.highMin(), numbers.highMax());
    for (int i = 0; i < PcpTuning.LISTS; i++) {
      lists.add(new ArrayDeque<>());
    }
  }

  /** The pages on all lists, counted. */
  int pages() {
    int pages = 0;
    for (int i = 0; i < PcpTuning.LISTS; i++) {
      pages += lists.get(i).size() << PcpTuning.orderOf(i);
    }
    return pages;
  }
}

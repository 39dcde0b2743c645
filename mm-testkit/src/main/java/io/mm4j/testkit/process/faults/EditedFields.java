// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.faults;

import io.mm4j.api.process.MmFields;

/** The fields of an address space, of which a fault changes one. */
final class EditedFields {
  private final MmFields right;
  long mmapCache;
  int mapCount;
  long brk;
  long rssPages;
  long totalVmPages;
  long lockedVmPages;
  long dataVmPages;
  long hiwaterVmPages;
  long committedPages;
  long context;

  EditedFields(MmFields right) {
    this.right = right;
    mmapCache = right.mmapCache();
    mapCount = right.mapCount();
    brk = right.brk();
    rssPages = right.rssPages();
    totalVmPages = right.totalVmPages();
    lockedVmPages = right.lockedVmPages();
    dataVmPages = right.dataVmPages();
    hiwaterVmPages = right.hiwaterVmPages();
    committedPages = right.committedPages();
    context = right.context();
  }

  MmFields build() {
    return new MmFields(
        right.mmap(),
        right.mmRb(),
        mmapCache,
        right.pgd(),
        right.mmUsers(),
        right.mmCount(),
        mapCount,
        right.mmapSem(),
        right.pageTableLock(),
        right.mmlist(),
        right.startCode(),
        right.endCode(),
        right.startData(),
        right.endData(),
        right.startBrk(),
        brk,
        right.startStack(),
        right.argStart(),
        right.argEnd(),
        right.envStart(),
        right.envEnd(),
        rssPages,
        totalVmPages,
        lockedVmPages,
        dataVmPages,
        right.execVmPages(),
        right.stackVmPages(),
        hiwaterVmPages,
        committedPages,
        right.tablePages(),
        right.defFlags(),
        right.cpuVmMask(),
        right.swapAddress(),
        right.dumpable(),
        context);
  }
}

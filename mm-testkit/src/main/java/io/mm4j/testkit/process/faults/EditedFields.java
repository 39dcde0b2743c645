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
  long tablePages;
  long context;

  EditedFields(MmFields right) {
    this.right = right;
    mmapCache = right.vmas().mmapCache();
    mapCount = right.mapCount();
    brk = right.brk();
    rssPages = right.rssPages();
    totalVmPages = right.totalVmPages();
    lockedVmPages = right.lockedVmPages();
    dataVmPages = right.dataVmPages();
    hiwaterVmPages = right.hiwaterVmPages();
    committedPages = right.committedPages();
    tablePages = right.tablePages();
    context = right.context();
  }

  MmFields build() {
    MmFields.Vmas vmas = right.vmas();
    MmFields.Sums sums = right.sums();
    MmFields.Tables tables = right.tables();
    return new MmFields(
        new MmFields.Vmas(vmas.mmap(), vmas.mmRb(), mmapCache, mapCount, vmas.defFlags()),
        right.users(),
        right.places().withBrk(brk),
        new MmFields.Sums(
            rssPages,
            totalVmPages,
            lockedVmPages,
            dataVmPages,
            sums.execVmPages(),
            sums.stackVmPages(),
            hiwaterVmPages,
            committedPages),
        new MmFields.Tables(tables.pgd(), tablePages, tables.cpuVmMask(), context));
  }
}

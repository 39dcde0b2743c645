// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.kernel.KernelSpaceSource;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.paging.naive.NaivePaging;
import java.util.EnumSet;
import java.util.Set;

/** The kit's page tables with {@link NaiveKernelSpace}s over them. */
public final class NaiveSpaces implements PageTablesProvider, KernelSpaceSource {
  private final NaivePaging paging = new NaivePaging();
  private final String name;
  private final Set<SpaceHabit> habits = EnumSet.noneOf(SpaceHabit.class);

  /** The correct one. */
  public NaiveSpaces() {
    this("naive");
  }

  /** One with habits. */
  public NaiveSpaces(String name, SpaceHabit... habits) {
    this.name = name;
    this.habits.addAll(Set.of(habits));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "the kit's own page tables and kernel mappings";
  }

  @Override
  public Capabilities capabilities() {
    return paging.capabilities();
  }

  @Override
  public PageTables create(Floors floors, Options options) {
    return paging.create(floors, Options.defaults(paging));
  }

  @Override
  public KernelSpaceProvider kernelSpace() {
    return floors -> new NaiveKernelSpace(floors, habits);
  }
}

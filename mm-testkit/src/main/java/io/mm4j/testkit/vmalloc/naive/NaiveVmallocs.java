// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.naive;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import java.util.EnumSet;
import java.util.Set;

/** Provides {@link NaiveVmalloc}s. */
public final class NaiveVmallocs implements VmallocAllocatorProvider {
  private final String name;
  private final Set<Habit> habits;

  /** The correct one. */
  public NaiveVmallocs() {
    this("naive");
  }

  /** One with habits. */
  public NaiveVmallocs(String name, Habit... habits) {
    this.name = name;
    this.habits = EnumSet.noneOf(Habit.class);
    this.habits.addAll(Set.of(habits));
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "the kit's own";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(true, true, true, true);
  }

  @Override
  public VmallocAllocator create(Floors floors, Options options) {
    return new NaiveVmalloc(floors, habits);
  }
}

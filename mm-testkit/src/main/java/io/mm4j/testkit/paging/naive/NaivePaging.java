// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.naive;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.Options;
import java.util.function.Function;

/** Provides {@link NaivePageTables}, or something made from them. */
public final class NaivePaging implements PageTablesProvider {
  private final String name;
  private final boolean allocationFree;
  private final Function<Floors, PageTables> factory;

  /** The naive page tables themselves. */
  public NaivePaging() {
    this("naive", false, NaivePageTables::new);
  }

  /**
   * Others.
   *
   * @param allocationFree what they say of themselves
   */
  public NaivePaging(String name, boolean allocationFree, Function<Floors, PageTables> factory) {
    this.name = name;
    this.allocationFree = allocationFree;
    this.factory = factory;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "every call begins at the root, for tests";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(allocationFree);
  }

  @Override
  public PageTables create(Floors floors, Options options) {
    return factory.apply(floors);
  }
}

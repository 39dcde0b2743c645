// SPDX-License-Identifier: Apache-2.0
package io.mm4j.testkit.vma.naive;

import io.mm4j.api.MisuseException;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import java.util.function.IntFunction;

/** Provides {@link NaiveVmaIndex} and what grows on it; no service. */
public final class NaiveVmaIndexes implements VmaIndexProvider {
  private final String name;
  private final boolean allocationFree;
  private final IntFunction<VmaIndex> create;
  private final int mostVmas;

  public NaiveVmaIndexes() {
    this("naive", false, NaiveVmaIndex::new);
  }

  /** One that is wrong; {@code allocationFree} is what it claims. */
  public NaiveVmaIndexes(String name, boolean allocationFree, IntFunction<VmaIndex> create) {
    this(name, allocationFree, create, 1 << 20);
  }

  private NaiveVmaIndexes(
      String name, boolean allocationFree, IntFunction<VmaIndex> create, int mostVmas) {
    this.name = name;
    this.allocationFree = allocationFree;
    this.create = create;
    this.mostVmas = mostVmas;
  }

  /** The naive one, for so few VMAs that nobody judges how long it takes with many. */
  public static NaiveVmaIndexes ofFew() {
    return new NaiveVmaIndexes("naive", false, NaiveVmaIndex::new, 1 << 13);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String summary() {
    return "a sorted list, searched from its beginning";
  }

  @Override
  public Capabilities capabilities() {
    return new Capabilities(false, allocationFree, mostVmas);
  }

  @Override
  public VmaIndex create(int maxVmas, Options options) {
    if (maxVmas < 1 || maxVmas > mostVmas) {
      throw new MisuseException("not a number of VMAs: maxVmas=" + maxVmas + " most=" + mostVmas);
    }
    return create.apply(maxVmas);
  }
}

// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import org.pitest.mutationtest.build.InterceptorParameters;
import org.pitest.mutationtest.build.MutationInterceptor;
import org.pitest.mutationtest.build.MutationInterceptorFactory;
import org.pitest.plugin.Feature;

/** PIT's feature {@code +explain}: what only explains is not mutated. */
public final class ExplainLinesFactory implements MutationInterceptorFactory {
  @Override
  public MutationInterceptor createInterceptor(InterceptorParameters params) {
    return new ExplainLines();
  }

  @Override
  public Feature provides() {
    return Feature.named("explain").withOnByDefault(true).withDescription(description());
  }

  @Override
  public String description() {
    return "Filters mutants on lines that only explain";
  }
}

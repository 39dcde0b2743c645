// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import org.pitest.mutationtest.build.InterceptorParameters;
import org.pitest.mutationtest.build.ProjectMutationInterceptor;
import org.pitest.mutationtest.build.ProjectMutationInterceptorFactory;
import org.pitest.plugin.Feature;
import org.pitest.plugin.FeatureParameter;

/** PIT's feature {@code +sample(most[300]seed[1])}. */
public final class SampleFactory implements ProjectMutationInterceptorFactory {
  private static final FeatureParameter MOST =
      FeatureParameter.named("most").withDescription("how many mutants of a package stay");
  private static final FeatureParameter SEED =
      FeatureParameter.named("seed").withDescription("another seed keeps other mutants");

  @Override
  public ProjectMutationInterceptor createInterceptor(InterceptorParameters params) {
    return new Sample(params.getInteger(MOST).orElse(300), params.getString(SEED).orElse("1"));
  }

  @Override
  public Feature provides() {
    return Feature.named("sample")
        .withOnByDefault(false)
        .withDescription(description())
        .withParameter(MOST)
        .withParameter(SEED);
  }

  @Override
  public String description() {
    return "A sample of mutants of each package";
  }
}

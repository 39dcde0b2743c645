// SPDX-License-Identifier: Apache-2.0

package io.mm4j.tools.pit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.extension.DynamicTestInvocationContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;

/**
 * Skips the rules in the run by which PIT learns their names in a process that tries mutants.
 *
 * <p>Dynamic tests exist only while their factory runs, so PIT runs a whole test class before it
 * can run one test of it; every process does so before its first mutant, a dozen seconds each. The
 * process that measures coverage is left alone: there this first run is the measurement.
 */
public final class ListingRun implements InvocationInterceptor {
  private static final boolean TRIES_MUTANTS =
      System.getProperty("sun.java.command", "").contains("MutationTestMinion");

  /** Test class to the root of the run that listed it. */
  private static final Map<String, ExtensionContext> LISTED_BY = new ConcurrentHashMap<>();

  @Override
  public void interceptDynamicTest(
      Invocation<Void> invocation, DynamicTestInvocationContext dynamic, ExtensionContext context)
      throws Throwable {
    if (TRIES_MUTANTS && isListing(context)) {
      invocation.skip();
    } else {
      invocation.proceed();
    }
  }

  private static boolean isListing(ExtensionContext dynamic) {
    ExtensionContext context = dynamic;
    while (context.getTestClass().isEmpty() && context.getParent().isPresent()) {
      context = context.getParent().get();
    }
    ExtensionContext root = context.getRoot();
    ExtensionContext first =
        LISTED_BY.putIfAbsent(context.getTestClass().map(Class::getName).orElse(""), root);
    return first == null || first.equals(root);
  }
}

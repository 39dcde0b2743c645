// SPDX-License-Identifier: Apache-2.0

/**
 * The shape of the test kit: {@link io.mm4j.testkit.Rule}s run lists of {@link
 * io.mm4j.testkit.Operation}s on a {@link io.mm4j.testkit.Subject}; a {@link
 * io.mm4j.testkit.RuleRunner} runs them over a plugin, {@link io.mm4j.testkit.ProveMatrix} over the
 * plugins that are wrong on purpose.
 */
@NullMarked
package io.mm4j.testkit;

import org.jspecify.annotations.NullMarked;

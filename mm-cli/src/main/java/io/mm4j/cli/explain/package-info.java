// SPDX-License-Identifier: Apache-2.0

/**
 * What {@code mm explain} does: an explainer for each floor, which reads a typed operation, does it
 * and gives an {@link io.mm4j.cli.explain.Explanation}, to be printed in one form.
 */
@NullMarked
package io.mm4j.cli.explain;

import org.jspecify.annotations.NullMarked;

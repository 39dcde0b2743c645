// SPDX-License-Identifier: Apache-2.0

/** A machine at a prompt, and scripts of the same lines. */
@NullMarked
package io.mm4j.cli.shell;

import org.jspecify.annotations.NullMarked;
